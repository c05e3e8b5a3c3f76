"""Predictors of whole architectures of a search space: teachers, baselines, transfer between devices, distilling."""
