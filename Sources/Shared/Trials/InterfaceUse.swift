import Replication

/// The bytes that one direction of a node's interface handled, and the most that it can have
/// handled at its rate.
///
/// A message counts when the interface accepts it. The interface may handle it later, even after
/// the measured interval, so the time that it had for the bytes ends when it has handled the last
/// of them.
public struct InterfaceUse: Sendable, Equatable {
  /// Bytes of the messages that were accepted in the measured interval.
  public var bytes: Int
  /// The rate of the interface without faults, in bits per second.
  public var rate: Double
  /// The time that the interface had for the bytes at its whole rate: from the start of the
  /// measured interval, or from when it had handled all earlier messages, until it has handled the
  /// last one.
  public var time: Interval

  public init(bytes: Int, rate: Double, time: Interval) {
    self.bytes = bytes
    self.rate = rate
    self.time = time
  }

  /// The most bytes that an interface of this rate handles in this time.
  public var mostBytes: Double { rate / 8 * time.seconds }

  /// Whether the bytes need more time than there was. The tolerance is one byte and a millionth,
  /// because the times of messages are whole nanoseconds.
  public var exceedsRate: Bool { Double(bytes) > mostBytes * (1 + 1e-6) + 1 }
}
