"""The optional dependency trimesh, which reads and writes mesh files."""

from types import ModuleType


def import_trimesh() -> ModuleType:
    """Import trimesh, or raise an error with the command that installs it."""
    try:
        import trimesh
    except ImportError:
        raise ImportError(
            'Mesh files need trimesh: `pip install "inr[media]"`.'
        ) from None
    return trimesh
