"""What loading bronze raises."""


class BronzeLoadError(RuntimeError):
    """A load failed and bronze is as it was; the text carries no row values."""
