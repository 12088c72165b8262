/* SPDX-License-Identifier: MIT */
/* torch.h - the formats of torch: what torch.save and torch.export write */
#ifndef FLETCH_TORCH_TORCH_H
#define FLETCH_TORCH_TORCH_H

#include "checkpoint/format.h"

extern const struct fletch_checkpoint_format fletch_format_torch_zip;
extern const struct fletch_checkpoint_format fletch_format_torch_legacy;
extern const struct fletch_checkpoint_format fletch_format_torch_tar;
extern const struct fletch_checkpoint_format fletch_format_torch_pt2;

#endif
