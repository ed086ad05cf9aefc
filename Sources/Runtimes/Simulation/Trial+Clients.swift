import Clients
import Replication

extension Trial {
  public var instant: Instant { Instant(nanoseconds: world.now) }

  /// Carries out what clients ask for: requests travel through the world, events wait in its queue.
  public mutating func carryOutForClients() {
    for position in clients.fleet.effects.indices {
      switch clients.fleet.effects[position] {
      case .send(let client, let replica, let time):
        world.ask(
          clients.fleet.request(of: client), of: replica.index, departing: time.nanoseconds)
      case .schedule(let event, let time): world.schedule(.client(event), at: time.nanoseconds)
      }
    }
    clients.fleet.effects.removeAll(keepingCapacity: true)
  }
}
