/// The smoothed round trip to one peer and its variation, after RFC 6298 §2.
public struct RoundTripEstimate: Sendable, Equatable {
  /// `nil` before the first sample.
  public var smoothed: Interval?
  public var variation = Interval.zero

  @inlinable
  public init() {}

  /// The smoothed round trip; zero before the first sample.
  @inlinable
  public var usual: Interval { smoothed ?? .zero }

  /// Takes in one round trip, measured on a message that was sent once.
  @inlinable
  public mutating func learn(_ sample: Interval) {
    guard let old = smoothed else {
      smoothed = sample
      variation = sample / 2
      return
    }
    let difference = sample > old ? sample - old : old - sample
    variation = variation + (difference - variation) / 4
    smoothed = old + (sample - old) / 8
  }
}
