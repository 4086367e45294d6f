"""Hypothesis strategies over the model: topologies, steps, schedules."""
