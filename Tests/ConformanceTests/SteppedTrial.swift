import Clients
import Replication
import Simulation

extension Trial {
  /// Lets happen what is due until `end`, one event at a time, and shows each to `watch` before.
  mutating func step(
    to end: Interval,
    watch: (borrowing Happening<Core, Application>, inout [SimulatedNode<Core, Application>]) ->
      Void
  ) {
    while !world.queue.isEmpty, world.queue.nextTime <= end.nanoseconds {
      let (time, what) = world.queue.pop()
      world.now = time
      watch(what, &nodes)
      happen(what)
    }
  }
}
