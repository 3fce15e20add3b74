"""What mail costs: counted in a simulation, from measured processor time, for `mailbus cost`."""
