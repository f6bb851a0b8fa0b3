"""What a run needs from outside: settings, Postgres, the audit log, dbt's environment.

Belongs here: reading settings, building connection strings, starting the embedded server, migrations,
writing audit events. Does not belong here: knowledge of FHIR, HL7, OMOP or models, and anything of Dagster.

Importing this package switches all telemetry off, so every room that imports it first is silent, and takes away the
variables that would lead connections to another server than the settings name.
"""

from resources.libpq_environment import forget_other_servers
from resources.telemetry import switch_off

switch_off()
forget_other_servers()
