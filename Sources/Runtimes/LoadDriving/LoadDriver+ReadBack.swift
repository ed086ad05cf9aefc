import Clients
import Replication
import Sockets
import Workloads

/// After the measured part: every key that was touched is read, so that the checker sees whether what was
/// acknowledged is still there.
extension LoadDriver where Port: ~Copyable {
  /// Begins the reads, as clients would, once the load has been closed.
  /// - Parameter makeClients: makes clients that are new to the servers, no more than reads.
  /// - Returns: how many reads there are.
  @inlinable
  public mutating func beginReadBack(
    _ makeClients: (_ reads: Int) -> ClientFloor<Application>
  ) -> Int {
    let count = load.prepareReadBack()
    isReadingBack = true
    answered = 0
    clients = makeClients(count)
    isSilent = false
    now = MonotonicClock.now() - origin
    for client in clients.machines.indices { begin(client, due: now, at: now) }
    port.flush()
    return count
  }

  /// Every read has ended, with an answer or without.
  @inlinable
  public var hasReadBack: Bool { load.readsToDo == 0 && clients.machines.allSatisfy(\.isIdle) }
}
