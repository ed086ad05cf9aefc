/// When clients begin their operations.
public enum Arrival: Sendable, Equatable {
  /// Each client has one operation outstanding and issues the next one after the answer.
  case closed
  /// Operations come due whether or not earlier ones were answered: at `rate` per second over all
  /// clients. An operation that comes due while all clients are busy waits for the first free one;
  /// its latency counts from the moment it came due.
  case open(rate: Double, process: ArrivalProcess)
  /// As `open`, at a rate that changes over time.
  case varying(LoadCurve, process: ArrivalProcess)

  public var isOpen: Bool { self != .closed }
}

public enum ArrivalProcess: String, Sendable, CaseIterable {
  case poisson, constant
}
