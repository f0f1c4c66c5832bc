"""A codec: a picture as a small field in a file.

`encode` searches grids of integers from which small networks compute the picture, and
writes them by a range coder. `decode` reads the pixels, all or of a region, and
`decode_field` a field that renders at any size. The networks come with the library; a
file holds the grids, and what suits the networks to its picture. `encode_field`
compresses a field of any family, such as a SIREN, by quantizing its weights;
`decode_field` reads it too. The package needs the extra `codec`, which installs
`constriction`.
"""

from inr.codec.decoding import (
    Info as Info,
    decode as decode,
    decode_field as decode_field,
    info as info,
)
from inr.codec.encoding import encode as encode
from inr.codec.fields import (
    EncodedField as EncodedField,
    FieldInfo as FieldInfo,
    encode_field as encode_field,
    field_info as field_info,
)
from inr.codec.networks import Codec as Codec
from inr.codec.training import train_networks as train_networks
