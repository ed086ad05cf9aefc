import Replication
import ViewService

extension ChainReplica {
  /// A message of the chain, with the view it was sent in. Updates travel down, acknowledgements
  /// up; the other messages bring neighbours in line after a change of view or a loss.
  ///
  /// ```
  ///   client ──update──► head ──forward──► middle ──forward──► tail ──reply──► client
  ///                           ──stable───►        ──stable───►
  ///                           ◄─acknowledge─      ◄─acknowledge─
  ///
  ///   view n + 1:   predecessor ──hail──► successor         "I am ready, where do you stand?"
  ///                             ◄──standing──               "In line with you, up to here", or
  ///                             ◄──position──               "I hold this much, of these views"
  ///                             ──synchronise──►            "We agree up to here; this follows"
  ///                             ──forward──► ◄──receipt──   several at a time, then as they come
  /// ```
  public enum Message: ViewFollowerMessage {
    case forward(view: UInt64, Forward)
    /// Everything up to the index is durable at the sender and at all before it.
    case stable(view: UInt64, LogIndex)
    /// Everything up to the index is durable at all members.
    case acknowledge(view: UInt64, LogIndex)
    /// From the replica to itself, after the barrier: everything up to the index is durable here.
    case durable(view: UInt64, LogIndex)
    /// The predecessor asks where its successor stands, and repeats `stable`, which may have been
    /// lost.
    case hail(view: UInt64, sentThrough: LogIndex, stable: LogIndex?)
    indirect case position(view: UInt64, Position)
    indirect case standing(view: UInt64, Standing)
    indirect case synchronise(view: UInt64, Synchronisation)
    /// Everything up to the index is durable at the successor or the joiner.
    case receipt(view: UInt64, LogIndex)
    /// Of the authority: for `WithAuthority` and not for this protocol.
    indirect case authority(AuthorityMessage)

    @inline(__always)
    public var authority: AuthorityMessage? {
      if case .authority(let message) = self { message } else { nil }
    }
  }

  /// Consecutive entries on their way down the chain.
  public struct Forward: Equatable, Sendable {
    /// The index of the entry before the first of them.
    public var previous: LogIndex
    public var previousView: UInt64
    /// The sender may still be writing them.
    public var entries: [ViewEntry]
    /// Everything up to here is durable at the sender and at all before it; 0 if the sender does
    /// not know.
    public var stable: LogIndex
    /// The receiver has to report when the entries are durable.
    public var wantsReceipt: Bool

    public init(
      previous: LogIndex, previousView: UInt64, entries: [ViewEntry], stable: LogIndex,
      wantsReceipt: Bool
    ) {
      self.previous = previous
      self.previousView = previousView
      self.entries = entries
      self.stable = stable
      self.wantsReceipt = wantsReceipt
    }

    var last: LogIndex { previous + entries.count }
  }

  /// The report of a replica that is not in line to its predecessor about its log, once that is
  /// durable.
  public struct Position: Equatable, Sendable {
    public var last: LogIndex
    public var lastView: UInt64
    public var commitIndex: LogIndex
    /// The predecessor asked, and had sent entries up to here before; `nil` if it did not ask.
    public var sentThrough: LogIndex?
    /// Where the views of the newest entries end.
    public var runs: [ViewRun]

    public init(
      last: LogIndex, lastView: UInt64, commitIndex: LogIndex, sentThrough: LogIndex?,
      runs: [ViewRun]
    ) {
      self.last = last
      self.lastView = lastView
      self.commitIndex = commitIndex
      self.sentThrough = sentThrough
      self.runs = runs
    }
  }

  /// The report of a replica that is in line to its predecessor.
  public struct Standing: Equatable, Sendable {
    /// The last entry that the sender holds, durable or not.
    public var last: LogIndex
    /// Entries up to here were sent to the sender. If this is after `last`, the rest was lost.
    public var sentThrough: LogIndex
    /// The last entry that the tail has acknowledged in this view, as far as the sender knows;
    /// `nil` if none yet.
    public var acknowledged: LogIndex?

    public init(last: LogIndex, sentThrough: LogIndex, acknowledged: LogIndex?) {
      self.last = last
      self.sentThrough = sentThrough
      self.acknowledged = acknowledged
    }
  }

  /// Instructions that make a replica's log a prefix of its predecessor's.
  public struct Synchronisation: Equatable, Sendable {
    /// Repeats the position it answers, so that a late answer to an earlier one is recognised.
    public var positionLast: LogIndex
    public var positionView: UInt64
    /// The sender's last entry. All entries acknowledged in earlier views are at or before it.
    public var through: LogIndex
    /// The first entries that follow the common prefix. The receiver drops its entries after
    /// `previous`.
    public var forward: Forward

    public init(
      positionLast: LogIndex, positionView: UInt64, through: LogIndex, forward: Forward
    ) {
      self.positionLast = positionLast
      self.positionView = positionView
      self.through = through
      self.forward = forward
    }
  }
}

extension ChainReplica.Message {
  /// The view that the message was sent in; 0 for a message of the authority.
  var view: UInt64 {
    switch self {
    case .forward(let view, _), .stable(let view, _), .acknowledge(let view, _),
      .durable(let view, _), .hail(let view, _, _), .position(let view, _),
      .standing(let view, _), .synchronise(let view, _), .receipt(let view, _):
      view
    case .authority: 0
    }
  }
}
