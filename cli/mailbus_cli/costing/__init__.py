"""What mail costs on AWS: counted use times prices."""
