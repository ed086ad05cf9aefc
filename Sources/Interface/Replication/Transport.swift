import WireFormat

// What surrounds a replica: the seam between protocols and the network, the disk and the clock they run on.
// The simulated node and the node of a real cluster both provide it; hosts use it (`TurnRuntime`), and
// cores never see it.

/// Carries messages from one node to others.
///
/// A transport may lose, delay, duplicate and reorder; it never invents and never delivers a damaged
/// message, because frames carry a checksum (`Frame`). The simulated and the in-process transport hand
/// the value over and account for `Frame.byteCount`; that encoding loses nothing is a conformance test.
public protocol Transport<Message>: ~Copyable {
  associatedtype Message: WireCodable & Sendable

  /// Sends a message now. One to the node itself comes back to it as received, after this turn.
  mutating func send(_ message: Message, to: ReplicaID)
}

/// Where a replica's records survive a crash.
///
/// Records are durable in the order in which they were appended, and some time after that: when a sync
/// begins is up to the log. Whoever waits for it waits behind a barrier (`DurabilityBarrier`).
public protocol DurableLog<Record>: ~Copyable {
  associatedtype Record: WireCodable & Sendable

  /// Adds the records of a turn behind all others.
  mutating func append(_ records: [Record])
}

/// The timers of one node, by its own clock.
public protocol Timers<Timer>: ~Copyable {
  associatedtype Timer: TimerName

  /// Sets a timer, anew if it is set already. `nil` cancels it.
  mutating func set(_ timer: Timer, after delay: Interval?)
}
