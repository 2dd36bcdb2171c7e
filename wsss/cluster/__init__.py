"""Stages as SLURM jobs, through submitit."""
