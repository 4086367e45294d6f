"""The providers that there are, each imported when somebody asks for it."""

from __future__ import annotations

from importlib import import_module

from syncmodel.errors import UsageError
from syncmodel.providers.base import Provider

#: By name: its module, its class, and what to install for it.
PROVIDERS = {
    "hetzner": ("syncmodel.providers.hetzner", "Hetzner", "hcloud"),
    "scaleway": ("syncmodel.providers.scaleway", "Scaleway", "syncmodel[scaleway]"),
    "ovh": ("syncmodel.providers.ovh", "Ovh", "syncmodel[ovh]"),
}
#: Variables of the environment; one of them is set where somebody has an account.
ACCOUNTS = {
    "hetzner": ("HCLOUD_TOKEN", "HCLOUD_TOKEN_FILE"),
    "scaleway": ("SCW_SECRET_KEY", "SCW_PROFILE"),
    "ovh": ("OS_AUTH_URL", "OS_CLOUD"),
}


def provider(name: str) -> Provider:
    """The account of the environment at that provider. Raises `UsageError`."""
    if name not in PROVIDERS:
        raise UsageError(f"There is no provider {name}: it is one of {', '.join(PROVIDERS)}.")
    module, kind, package = PROVIDERS[name]
    try:
        found = getattr(import_module(module), kind)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("syncmodel"):
            raise
        raise UsageError(
            f"Machines at {name} need {error.name}, which is not installed: pip install "
            f"'{package}'."
        ) from error
    account: Provider = found.here()
    return account
