import Environments
import Primitives
import Replication
import Trials

/// How much the nodes' interfaces sent and received in the measured interval, in a form that shows
/// whether that was more than their rate allows (`InterfaceUse`).
extension NetworkState {
  public mutating func startMeasuring(at now: Instant) {
    measuringBegan = (interfaces.elements, now)
  }

  /// Notes that a message is sent which was withheld before.
  public mutating func noteRetransmission(of envelope: Envelope) {
    interfaces[envelope.from].withheldBytes -= envelope.bytes
  }

  /// What a node's interface has sent since measuring began; nil if it has no rate.
  ///
  /// The bytes are those that the node sent by its own count, less those that were withheld. So the
  /// bound also shows messages that leave without passing the interface.
  /// - Parameter bytes: the bytes of the messages that the node has sent since then.
  public func egress(of node: Int, sent bytes: Int) -> InterfaceUse? {
    guard let rate = model.nic, let (before, start) = measuringBegan else { return nil }
    let withheld = interfaces[node].withheldBytes - before[node].withheldBytes
    return InterfaceUse(
      bytes: bytes - withheld, rate: rate,
      time: time(of: interfaces[node].sending, since: before[node].sending, start))
  }

  /// What a node's interface has received since measuring began; nil if it has no rate.
  ///
  /// A short message gets its place in a queue when its last byte arrives, so the first one may
  /// have begun before measuring did. Twice the longest short reception is enough also under a
  /// degradation, which makes the reception longer but not the message.
  public func ingress(of node: Int) -> InterfaceUse? {
    guard let rate = model.nic, let (before, start) = measuringBegan else { return nil }
    return InterfaceUse(
      bytes: interfaces[node].acceptedBytes - before[node].acceptedBytes, rate: rate,
      time: time(
        of: interfaces[node].receiving, since: before[node].receiving,
        start - Self.shortReception * 2))
  }

  /// The time that two queues had, from `start` and from what they had to do `before`, weighted
  /// with their shares of the rate. Each queue handles one message after the other.
  private func time(
    of queues: Interface.Queues, since before: Interface.Queues, _ start: Instant
  ) -> Interval {
    func nanoseconds(_ end: Instant, _ from: Instant) -> Double {
      Double(max(.zero, end - max(from, start)).nanoseconds)
    }
    let weighted =
      nanoseconds(queues.bulk, before.bulk) * (1 - Self.packetShare)
      + nanoseconds(queues.packets, before.packets) * Self.packetShare
    return Interval(nanoseconds: Int64(weighted.rounded(.up)))
  }
}
