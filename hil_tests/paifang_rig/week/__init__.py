"""A simulated week of a ward: real nodes' journals, a real gateway's store and sinks, and faults of every kind.

One process, one clock that jumps from event to event, and one seed that everything follows from: a run that fails is
run again by its seed. `python -m paifang_rig.week --seed 1 --hours 168 --nodes 200`.
"""
