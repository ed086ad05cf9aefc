import Replication

/// A message that waits until its link gets through.
public struct HeldMessage<Message: Sendable>: Sendable {
  public let message: Message
  public let envelope: Envelope
}

/// Over TCP, what is sent while a partition cuts a link waits in the sender's kernel. It goes on
/// with the first retransmission after the partition, whoever has sent it lives or not.
extension World {
  /// What waits on one link, in bytes, before more is dropped: as in the node of the cluster
  /// runtime.
  public static var mostHeldBytes: Int { 64 << 20 }

  public mutating func hold(
    _ message: consuming Core.Message, _ envelope: Envelope, since departure: Int64
  ) {
    let link = network.position(from: envelope.from, to: envelope.to)
    guard network.hold(envelope.bytes, on: link, since: departure, most: Self.mostHeldBytes)
    else { return }
    held[link].append(HeldMessage(message: message, envelope: envelope))
  }

  /// Partitions have come or gone: links that get through again send at their next retransmission.
  public mutating func scheduleRetransmissions() {
    for link in held.indices {
      guard let time = network.retransmission(of: link, from: now) else { continue }
      schedule(.retransmission(link: link), at: time)
    }
  }

  /// Lets go what waits on a link, unless it is cut again. A connection that has been given up
  /// takes all that was sent on it along.
  public mutating func retransmit(link: Int) {
    guard let isAlive = network.release(link, at: now) else { return }
    let waiting = held[link]
    held[link] = []
    guard isAlive else { return }
    for one in waiting { transmit(one.message, one.envelope, departing: now) }
  }
}
