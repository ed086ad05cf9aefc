import Replication
import ViewService

extension PrimaryBackupReplica {
  public func invariantViolation() -> String? {
    if let brokenInvariant { return brokenInvariant }
    if commitIndex > log.lastIndex {
      return "committed up to \(commitIndex), but the log ends at \(log.lastIndex)"
    }
    return nil
  }
}

extension PrimaryBackupReplica {
  public var durableState: DurableState { log.durableState }
}
