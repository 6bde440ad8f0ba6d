"""From params.yaml to validated settings and objects; the only component that knows every family."""
