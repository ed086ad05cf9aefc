import Histories
import Replication
import Trials

extension TrialRecord {
  /// Counts the acknowledged writes that are missing at the end; a lost write is a safety
  /// violation. The count is unknown (nil) if the cluster did not come to rest, because its final
  /// state is then not known.
  package mutating func countLostWrites() {
    if let surviving {
      lostWrites =
        hasSettled
        ? ReadBack.lostWrites(operations, surviving: surviving)
          + ReadBack.lostWrites(probes, surviving: surviving) : nil
    } else {
      lostWrites = ReadBack.lostWrites(
        operations, readFrom: measuredEndNs, isComplete: hasReadBack)
    }
    guard let lostWrites, lostWrites > 0 else { return }
    safetyViolations.append("\(lostWrites) acknowledged writes are missing from the final state")
  }
}

/// Finds lost writes from the state in which a trial ended.
package enum ReadBack {
  /// Acknowledged updates that are not part of the state in which the cluster came to rest. A
  /// compare-and-swap that did not swap changed nothing and cannot be lost.
  package static func lostWrites(
    _ operations: [Operation], surviving: SurvivingRequests
  ) -> Int {
    operations.count { operation in
      // Writes that were loaded before the trial (they have no attempts) are not part of any log.
      guard operation.outcome == .ok, !operation.kind.isRead, operation.attempts > 0 else {
        return false
      }
      if operation.kind == .compareAndSwap, !operation.swapped { return false }
      return !surviving.contains(
        RequestID(client: ClientID(UInt64(operation.client)), sequence: operation.sequence))
    }
  }

  /// The same, found by reading every key. If some keys may not have been read and no loss was
  /// found, the number is unknown (nil) and not 0.
  package static func lostWrites(
    _ operations: [Operation], readFrom endNs: Int64, isComplete: Bool
  ) -> Int? {
    let lost = lostWrites(operations, readFrom: endNs)
    return isComplete || lost > 0 ? lost : nil
  }

  /// Acknowledged puts that were certainly not overwritten and are missing: those that began after
  /// the write that is present had been acknowledged, or all puts of a key that is empty and was
  /// never deleted. Keys with appends are left to the checker. The checker notices all these losses
  /// too, but does not count them.
  package static func lostWrites(_ operations: [Operation], readFrom endNs: Int64) -> Int {
    var found: [UInt32: ValueDigest] = [:]
    for operation in operations
    where operation.intended >= endNs && operation.kind == .get && operation.outcome == .ok {
      found[operation.key] = operation.observed
    }
    /// When the write that is present was acknowledged; `.max` if that is not known.
    var since: [UInt32: Int64] = [:]
    var uncountable: Set<UInt32> = []
    for operation in operations where operation.intended < endNs && operation.outcome != .failed {
      switch operation.kind {
      case .get, .scan: break
      case .append: uncountable.insert(operation.key)
      case .delete:
        if found[operation.key] == .absent { uncountable.insert(operation.key) }
      case .put, .compareAndSwap:
        if operation.argument == found[operation.key] {
          since[operation.key] = operation.outcome == .ok ? operation.returned : .max
        }
      }
    }
    return operations.count { operation in
      guard operation.intended < endNs, operation.outcome == .ok, operation.kind == .put,
        let value = found[operation.key], !uncountable.contains(operation.key)
      else { return false }
      if value == .absent { return true }
      return since[operation.key].map { operation.invoked > $0 } ?? false
    }
  }
}
