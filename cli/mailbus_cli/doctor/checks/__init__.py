"""The checks, a file each: it reads its facts, and judges them by functions that read nothing."""
