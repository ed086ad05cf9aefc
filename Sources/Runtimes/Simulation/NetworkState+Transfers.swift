import ReplicaHosting
import Replication

/// Large messages that are on their way (`LargeMessage`). The connections of a node share its
/// interface, so that bytes of each move all the time. In the model one message leaves after the
/// other, so a message counts as moving from when it is sent until all of it has arrived.
extension NetworkState {
  /// The large message of a node that arrives last.
  struct Transfer: Sendable {
    var peer = 0
    /// Until when its bytes show that both ends are alive.
    var end = Instant.zero
  }

  /// Notes that a large message has been sent which arrives at `time`.
  mutating func noteTransfer(of bytes: Int, from: Int, to: Int, arriving time: Instant) {
    let end = time + LargeMessage.pause(of: bytes)
    if end > transfers[from].end { transfers[from] = Transfer(peer: to, end: end) }
    if end > transfers[to].end { transfers[to] = Transfer(peer: from, end: end) }
  }

  @inline(__always)
  func isTransferring(_ node: Int, at now: Instant) -> Bool { now < transfers[node].end }

  /// Notes that a node has seen the end of a peer's process, after which no bytes move.
  mutating func endTransfer(of node: Int, with peer: Int) {
    if transfers[node].peer == peer { transfers[node].end = .zero }
  }
}
