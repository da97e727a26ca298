"""What people had said since is said again to tables that were set back to an earlier time."""

from __future__ import annotations

from atalaia.people.registry import Registry, stop_again


def said_again(registry: Registry) -> dict[str, int]:
    """Who was erased since, or stopped, is so again; how many people and contacts that were. What
    is so already is passed over: it may be asked again, and goes on where a run was killed."""
    people, keys = registry.people, registry.keys
    gone = [(one, at) for one, at in keys.erased() if people.person(one)]
    for pseudonym, at in gone:
        people.erase(pseudonym, at)
    return {"erased": len(gone), "stopped": stop_again(registry, keys.stops())}
