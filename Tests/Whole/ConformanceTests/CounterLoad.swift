import Replication
import StateMachines
import Stubs

/// Adding is not idempotent: the value reveals a request that is applied twice or not at all, and
/// no two additions may return the same value.
extension CounterLoad {
  /// The values that additions returned.
  var acknowledged: [RequestID: UInt64] {
    var values: [RequestID: UInt64] = [:]
    for operation in operations where !operation.isRead {
      let id = RequestID(
        client: ClientID(UInt64(operation.begun.client)), sequence: operation.begun.sequence)
      if let answer = operation.answer { values[id] = answer }
    }
    return values
  }

  /// The number of additions without an answer.
  var unknownCount: Int { operations.count { !$0.isRead && $0.answer == nil } }
  var retryCount: Int { ended.count { $0.attempts > 1 } }
  var readCount: Int { operations.count { $0.isRead && $0.answer != nil } }

  /// The number of operations that returned less than what a client knew before they began.
  var staleCount: Int {
    operations.count { operation in operation.answer.map { $0 < operation.knownBefore } ?? false }
  }
}
