"""A client of one S3 endpoint that connects to its host and to nothing else."""

from typing import Any
from urllib.parse import urlsplit

from aiobotocore.httpsession import AIOHTTPSession
from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.specs.aws_credentials import AwsCredentialsWithoutDefaults
from dlt.common.storages.configuration import FilesystemConfiguration
from dlt.common.storages.fsspec_filesystem import fsspec_from_config

from pipelines.object_store.address import ObjectStoreError, check_endpoint
from resources.settings import Settings


def open_s3(settings: Settings, bucket_url: str) -> tuple[Any, str]:
    """The file system and the store's address, with the keys that dlt's configuration has.

    Raises:
        ObjectStoreError: a key or the endpoint is missing, or the endpoint's host is not one that the settings name.
    """
    credentials = _credentials()
    host = check_endpoint(settings, credentials.endpoint_url)
    # A profile may hold another address, and ways to get keys from other hosts.
    credentials.profile_name = None
    options = {
        "skip_instance_cache": True,
        "default_block_size": 8 << 20,
        "listings_expiry_time": None,
        "config_kwargs": {
            "http_session_cls": _session_class(host),
            "proxies": {},
            "defaults_mode": "legacy",
            "s3": {"addressing_style": "path", "use_accelerate_endpoint": False},
        },
    }
    file_system, _ = fsspec_from_config(
        FilesystemConfiguration(bucket_url, credentials, read_only=True, kwargs=options)
    )
    return file_system, str(credentials.endpoint_url).rstrip("/")


def _credentials() -> Any:
    try:
        return resolve_configuration(AwsCredentialsWithoutDefaults(), sections=("sources", "filesystem"))
    except ConfigurationException:
        # What dlt says may hold a value.
        raise ObjectStoreError(
            "the object store's keys are not set: SOURCES__FILESYSTEM__CREDENTIALS__AWS_ACCESS_KEY_ID and "
            "SOURCES__FILESYSTEM__CREDENTIALS__AWS_SECRET_ACCESS_KEY, or [sources.filesystem.credentials] in dlt's "
            "secrets.toml."
        ) from None


def _session_class(host: str) -> type:
    """aiobotocore's HTTP session for one host; of its own it would go wherever a redirect leads."""

    class OneHost(AIOHTTPSession):  # type: ignore[misc]  # aiobotocore says no types
        async def send(self, request: Any) -> Any:
            if urlsplit(request.url).hostname != host:
                raise ObjectStoreError("a request of the object store's client was to another host; nothing was sent.")
            return await super().send(request)

        async def _get_session(self, proxy_url: str | None) -> "_WithoutRedirects":
            return _WithoutRedirects(await super()._get_session(proxy_url))

    return OneHost


class _WithoutRedirects:
    """A session of aiohttp whose answers are what the server said first."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, method: str, **options: Any) -> Any:
        return await self._session.request(method, **options, allow_redirects=False)
