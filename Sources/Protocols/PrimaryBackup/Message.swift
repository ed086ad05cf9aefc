import Replication
import ViewService

extension PrimaryBackupReplica {
  /// Every message names the view it was sent in.
  ///
  /// ```
  ///  primary                  backup or joiner
  ///     │── append ──────────────►│
  ///     │◄───────────── appended ─│
  ///     │◄── or summary, or outdated
  ///     │◄─────── present, early ─│
  /// ```
  public enum Message: Equatable, Sendable {
    /// From the primary to a backup or the joiner.
    case append(Append)
    /// Everything up to `index` equals the primary's log and is durable at the sender. From the
    /// primary to itself, too.
    case appended(view: UInt64, index: LogIndex)
    /// The sender's log, in so many words: an append did not fit, or the sender has just taken the
    /// view over (`round` is then `Message.unasked`).
    case summary(view: UInt64, round: UInt32, runs: [ViewRun])
    /// An append without entries has arrived. It leaves before the disk has been waited for, so
    /// that a backup with a slow disk is not taken for one that cannot be reached.
    case present(view: UInt64)
    /// The sender works in this view, which is newer than that of the message it answers.
    case outdated(view: UInt64)

    static let unasked = UInt32.max
  }

  /// Entries that follow `previous`, or none to find out how the receiver's log ends.
  public struct Append: Equatable, Sendable {
    public var view: UInt64
    /// How often the primary has had to go back for this receiver. A summary that answers an append
    /// of an earlier round comes too late to matter.
    public var round: UInt32
    public var previous: LogIndex
    /// The view of the entry at `previous`; 0 at the start of the log.
    public var previousView: UInt64
    /// Everything up to here is durable at all members.
    public var commitIndex: LogIndex
    public var entries: [ViewEntry]
  }
}
