/// How an operation that has begun ended.
public struct OperationEnding: Sendable {
  public var outcome: Outcome
  /// See `Operation.observed`; `nil` if the client observed nothing.
  public var observed: ValueDigest?
  /// See `Operation.swapped`.
  public var swapped = false
  let attempts: UInt8
  let returned: Int64

  /// - Parameters:
  ///   - attempts: how often the operation was sent.
  ///   - returned: when it ended, in nanoseconds since the trial began.
  @inline(__always)
  public init(_ outcome: Outcome, attempts: Int, returned: Int64) {
    self.outcome = outcome
    self.attempts = UInt8(clamping: attempts)
    self.returned = returned
  }
}
