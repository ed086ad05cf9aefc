import Replication
import ViewService

extension PrimaryBackupReplica {
  /// A message of primary-backup, with the view it was sent in.
  ///
  /// ```
  ///  primary                  backup or joiner
  ///     │── append ──────────────►│
  ///     │◄───────────── appended ─│
  ///     │◄── or summary, or outdated
  ///     │◄─────── present, early ─│
  /// ```
  public enum Message: ViewFollowerMessage {
    /// From the primary to a backup or the joiner.
    case append(Append)
    /// Everything up to `index` equals the primary's log and is durable at the sender. The primary
    /// sends it to itself as well.
    case appended(view: UInt64, index: LogIndex)
    /// A summary of the sender's log, sent because an append did not fit, or because the sender has
    /// just taken the view over (`round` is then `Message.unasked`).
    case summary(view: UInt64, round: UInt32, runs: [ViewRun])
    /// An append without entries has arrived. This leaves without waiting for the disk, so that a
    /// backup with a slow disk is not taken for an unreachable one.
    case present(view: UInt64)
    /// The sender works in this view, which is newer than the view of the message it answers.
    case outdated(view: UInt64)
    /// Of the authority: for `WithAuthority` and not for this protocol.
    indirect case authority(AuthorityMessage)

    static let unasked = UInt32.max

    @inline(__always)
    public var authority: AuthorityMessage? {
      if case .authority(let message) = self { message } else { nil }
    }
  }

  /// Entries that follow `previous`; without entries it asks how the receiver's log ends.
  public struct Append: Equatable, Sendable {
    public var view: UInt64
    /// How often the primary has gone back to an earlier entry for this receiver. A summary that
    /// answers an append of an earlier round is ignored because it is out of date.
    public var round: UInt32
    public var previous: LogIndex
    /// The view of the entry at `previous`; 0 at the start of the log.
    public var previousView: UInt64
    /// Everything up to here is durable at all members.
    public var commitIndex: LogIndex
    public var entries: [ViewEntry]
  }
}
