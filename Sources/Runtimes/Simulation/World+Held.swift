import Primitives
import Replication

/// A message that waits until its link lets messages through.
public struct HeldMessage<Message: Sendable>: Sendable {
  public let message: Message
  public let envelope: Envelope
  /// Of its first sending (`CauseTrace`).
  public let cause: Int
}

/// Over TCP, messages that are sent while a partition cuts a link wait in the sender's kernel. They
/// are sent with the first retransmission after the partition, even if the sending process has
/// ended.
extension World {
  /// How many bytes may wait on one link before more are dropped: as many as in a node of a real
  /// cluster.
  public static var mostHeldBytes: Int { 64 << 20 }

  public mutating func hold(
    _ message: consuming Core.Message, _ envelope: Envelope, since departure: Instant
  ) {
    let link = network.position(from: envelope.from, to: envelope.to)
    guard network.hold(envelope.bytes, on: link, since: departure, most: Self.mostHeldBytes)
    else { return }
    held[link].append(HeldMessage(message: message, envelope: envelope, cause: causes.current))
  }

  /// Schedules a retransmission for each link that lets messages through again after partitions
  /// have changed.
  public mutating func scheduleRetransmissions() {
    for link in held.indices {
      guard let time = network.retransmission(of: link, from: now) else { continue }
      schedule(.retransmission(link: link), at: time)
    }
  }

  /// Sends the messages that wait on a link, unless it is cut again. If the connection has been
  /// given up, all messages that were sent on it are lost.
  public mutating func retransmit(link: Int) {
    guard let isAlive = network.release(link, at: now) else { return }
    let waiting = held[link]
    held[link] = []
    guard isAlive else { return }
    let before = causes.current
    for one in waiting {
      causes.current = one.cause
      network.noteRetransmission(of: one.envelope)
      transmit(one.message, one.envelope, departing: now)
    }
    causes.current = before
  }
}
