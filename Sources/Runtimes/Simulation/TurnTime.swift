/// How the processor of a simulated node spends one turn.
///
/// A turn takes everything that has arrived and carries out what follows from all of it: one
/// append, one broadcast. Its time, however, passes input by input. An answer to a request of this
/// turn leaves when that request has been received and executed, before the requests behind it are
/// received; what the turn does as a whole comes behind all receipts. A server that answers at once
/// is thus a queue that serves one request after the other.
public struct TurnTime: Sendable {
  /// Nanoseconds that it takes to receive all inputs of the turn.
  public var receiving = 0.0
  /// How many of these have passed.
  public var received = 0.0
  /// Nanoseconds that have passed otherwise: sending, answering and executing.
  public var worked = 0.0
  /// Commands that were executed in this turn and whose time has not passed yet.
  public var executions = 0

  public init() {}

  /// Nanoseconds since the turn began.
  @inline(__always)
  public var elapsed: Double { received + worked }

  /// Something that concerns the whole turn: everything has been received before.
  @inline(__always)
  public mutating func spend(_ nanoseconds: Double) {
    received = receiving
    worked += nanoseconds
  }

  /// Something that concerns one input, which has been received after so many nanoseconds of
  /// receiving.
  @inline(__always)
  public mutating func spend(_ nanoseconds: Double, behindReceipts receipts: Double) {
    if received < receipts { received = receipts }
    worked += nanoseconds
  }
}

/// When a node received the latest request of a client.
public struct ReceivedRequest: Sendable {
  public var turn: Int
  public var sequence: UInt64
  /// Nanoseconds of receiving in that turn up to and with this request.
  public var receipts: Double

  public init(turn: Int, sequence: UInt64, receipts: Double) {
    self.turn = turn
    self.sequence = sequence
    self.receipts = receipts
  }
}

/// An answer that waits until what the node tells itself in this turn has been answered, too.
/// `receipts` as in `ReceivedRequest`; infinite if it answers no request of this turn.
public struct WaitingReply<Reply: Sendable>: Sendable {
  public var reply: Reply
  public var receipts: Double

  public init(reply: Reply, receipts: Double) {
    self.reply = reply
    self.receipts = receipts
  }
}
