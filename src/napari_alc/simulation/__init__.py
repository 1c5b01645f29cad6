"""Synthetic images, crowd-like noise and a pathologist who reviews by rule."""
