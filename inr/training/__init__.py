"""Training of any model: batches from images, one pure step, and the loop.

Modules: `image_files` (images in memory, split by hash), `crops` (the grain pipeline),
`batches` (crops to inputs, points and target colors), `reduction` (smaller images),
`augmentation` and `masks` (random changes, cells and holes), `degradations` (blur,
noise, JPEG), `points` (placement of random points), `step` (the pure core), `loop`
(`train`) and `processes` (training on several machines).
"""

from inr.training.augmentation import (
    random_resized_crops as random_resized_crops,
    random_views as random_views,
)
from inr.training.batches import (
    PointBatch as PointBatch,
    ScaleBatch as ScaleBatch,
    point_batch as point_batch,
    scale_batch as scale_batch,
)
from inr.training.crops import Symmetry as Symmetry, crop_batches as crop_batches
from inr.training.degradations import degrade as degrade, jpeg as jpeg
from inr.training.image_files import (
    ImageFiles as ImageFiles,
    ImagePairs as ImagePairs,
    split_by_hash as split_by_hash,
)
from inr.training.loop import train as train
from inr.training.masks import (
    Cells as Cells,
    mask_cells as mask_cells,
    random_holes as random_holes,
)
from inr.training.points import (
    Points as Points,
    draw_points as draw_points,
    halton as halton,
)
from inr.training.processes import join_processes as join_processes
from inr.training.reduction import (
    Reduction as Reduction,
    reduce_crop as reduce_crop,
    reduce_images as reduce_images,
)
from inr.training.results import (
    TrainingDiverged as TrainingDiverged,
    TrainResult as TrainResult,
)
from inr.training.step import (
    Loss as Loss,
    TrainInfo as TrainInfo,
    TrainState as TrainState,
    init_training as init_training,
    train_step as train_step,
    warmup_adam as warmup_adam,
)
