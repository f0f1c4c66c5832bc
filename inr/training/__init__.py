"""Training of any model: images to batches of points, a pure step, and the loop.

The modules: `files` (images in memory, split by hash), `crops` (the grain pipeline),
`examples` (crops to degraded inputs and points with their true colors), `augmentation`
(cells covered, views changed), `scales` (to examples of upscaling), `degradations`,
`points`, `step` (the pure core) and `loop` (`train`).
"""

from inr.training.augmentation import (
    mask_cells as mask_cells,
    random_holes as random_holes,
    random_views as random_views,
)
from inr.training.crops import crop_batches as crop_batches
from inr.training.degradations import degrade as degrade, jpeg as jpeg
from inr.training.examples import (
    PointBatch as PointBatch,
    point_batch as point_batch,
    reduce_images as reduce_images,
)
from inr.training.files import (
    ImageFiles as ImageFiles,
    ImagePairs as ImagePairs,
    split_by_hash as split_by_hash,
)
from inr.training.loop import (
    TrainingDiverged as TrainingDiverged,
    TrainResult as TrainResult,
    train as train,
)
from inr.training.points import draw_points as draw_points, halton as halton
from inr.training.scales import (
    ScaleBatch as ScaleBatch,
    random_parts as random_parts,
    reduce_part as reduce_part,
    scale_batch as scale_batch,
)
from inr.training.step import (
    TrainInfo as TrainInfo,
    TrainState as TrainState,
    init_training as init_training,
    train_step as train_step,
    warmup_adam as warmup_adam,
)
