"""Adapters: everything that touches the world. Each needs its own extra, and none of them imports another."""
