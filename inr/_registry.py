"""Registered Flax modules: the classes that a file may name."""

from collections.abc import Callable
from typing import TypeVar

from flax import linen as nn

from inr import _checks

_Class = TypeVar("_Class", bound=type[nn.Module])
_registry: dict[str, type[nn.Module]] = {}


def register(name: str) -> Callable[[_Class], _Class]:
    """Return a class decorator that makes a module savable and loadable by name.

    `save_field`, `load_field`, `save_model` and `load_model` accept registered classes
    only, because a file stores the name and the hyperparameters of a module and no
    code. Import the module that defines a class before you load a file of it.

    Hyperparameters are the fields of the module's dataclass. A file holds None, bools,
    strings, finite numbers, lists of these, and modules of registered classes; an
    integer is at most the number of elements of all arrays, or 2^20 if they have fewer.

    Args:
      name: stored in files; change it and older files no longer load.

    Returns:
      The decorator. It returns the class unchanged.

    Raises:
      ValueError: if another class already has this name.
      TypeError: if the name is not a string, or the class not a Flax Linen module.
    """
    if not isinstance(name, str):
        raise TypeError(
            f'`name` must be a string, got {name!r}. Write `@register("MyField")`.'
        )

    def decorate(cls: _Class) -> _Class:
        if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
            raise TypeError(f"`register` takes a flax.linen module class, got {cls!r}.")
        current = _registry.get(name, cls)
        # A notebook cell that runs again defines an equal class again.
        if (current.__module__, current.__qualname__) != (
            cls.__module__,
            cls.__qualname__,
        ):
            owner = f"{current.__module__}.{current.__qualname__}"
            raise _checks.fail("name", "a name that is not registered", owner)
        _registry[name] = cls
        return cls

    return decorate


def registered_name(model: nn.Module) -> str | None:
    """Name under which the class of a module is registered, or None."""
    names = [name for name, cls in _registry.items() if cls is type(model)]
    return names[0] if names else None


def registered(base: type[nn.Module]) -> dict[str, type[nn.Module]]:
    """Registered subclasses of `base`, by name."""
    return {name: cls for name, cls in _registry.items() if issubclass(cls, base)}
