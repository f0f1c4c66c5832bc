"""Field families, their layers and initialisers, and the files that keep them."""

from inr.fields.base import (
    BoundField as BoundField,
    FieldModule as FieldModule,
    bind as bind,
)
from inr.fields.files import (
    FieldFile as FieldFile,
    load_field as load_field,
    save_field as save_field,
)
from inr.fields.siren import Siren as Siren
