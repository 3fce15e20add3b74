"""The modules through which applications and functions call AWS."""
