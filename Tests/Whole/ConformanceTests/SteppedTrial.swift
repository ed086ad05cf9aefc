import Clients
import Primitives
import Replication
import Simulation

extension Trial {
  /// Lets happen what is due until `end`, one event at a time, and shows each to `watch` before.
  mutating func step(
    to end: Interval,
    watch: (borrowing World<Core, Application>.Event, inout [SimulatedNode<Core, Application>]) ->
      Void
  ) {
    while !world.queue.isEmpty, world.queue.nextTime <= end.nanoseconds {
      world.now = world.queue.nextTime
      world.queue.withNext { watch($0, &nodes) }
      happenNext()
    }
  }
}
