import Replication

/// How the processor of a simulated node spends the time of one turn.
///
/// A turn handles all input that has arrived, and carries out the effects of all of it: one append,
/// one broadcast. Its time, however, is spent input by input. A reply to a request of this turn
/// leaves when that request has been received and executed, before the next requests are received.
/// Work for the turn as a whole comes after all receiving. A server that answers at once is thus a
/// queue that serves one request after the other.
public struct TurnTime: Sendable {
  /// Nanoseconds that receiving all inputs of the turn takes.
  public var receivingNs = 0.0
  /// How many of these have passed.
  public var receivedNs = 0.0
  /// Nanoseconds spent on other work: sending, answering and executing.
  public var workedNs = 0.0
  /// Commands that were executed in this turn and whose time was not spent yet.
  public var executions = 0

  public init() {}

  /// The time since the turn began.
  @inline(__always)
  public var elapsed: Interval { .nanoseconds(Int64(receivedNs + workedNs)) }

  /// Spends time on the whole turn, after all inputs have been received.
  @inline(__always)
  public mutating func spend(_ workNs: Double) {
    receivedNs = receivingNs
    workedNs += workNs
  }

  /// Spends time on one input, which has been received after `receiptsNs` nanoseconds of receiving.
  @inline(__always)
  public mutating func spend(_ workNs: Double, behindReceipts receiptsNs: Double) {
    if receivedNs < receiptsNs { receivedNs = receiptsNs }
    workedNs += workNs
  }
}

/// When a node received the latest request of a client.
public struct ReceivedRequest: Sendable {
  public var turn: Int
  public var sequence: UInt64
  /// Nanoseconds of receiving in that turn up to and including this request.
  public var receiptsNs: Double

  public init(turn: Int, sequence: UInt64, receiptsNs: Double) {
    self.turn = turn
    self.sequence = sequence
    self.receiptsNs = receiptsNs
  }
}

/// A reply that waits until the node's messages to itself in this turn have been handled.
/// `receiptsNs` is as in `ReceivedRequest`; infinite if the request is not of this turn.
public struct WaitingReply<Reply: Sendable>: Sendable {
  public var reply: Reply
  public var receiptsNs: Double

  public init(reply: Reply, receiptsNs: Double) {
    self.reply = reply
    self.receiptsNs = receiptsNs
  }
}
