"""The model, gates and mask rule agree with the reference's own outputs."""

import torch
from safetensors import safe_open

import pytest
from tests_support import fixture_file

from wsss.masking import draw_token_keep
from wsss.models import import_release
from wsss.pseudo_masks import UNPAINTED, fill_nearest, paint_above_mean
