import Clients
import Primitives
import Replication
import Simulation

extension Trial {
  /// Handles the events due until `end` one at a time, and passes each to `watch` first.
  mutating func step(
    to end: Interval,
    watch: (
      borrowing World<Core, Application>.Event, inout OwnedArray<SimulatedNode<Core, Application>>
    ) -> Void
  ) {
    while !world.queue.isEmpty, world.queue.nextTime <= .zero + end {
      world.now = world.queue.nextTime
      world.queue.withNext { watch($0, &nodes) }
      happenNext()
    }
  }
}
