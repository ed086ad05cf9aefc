import Foundation
import Replication

/// What a test waited for did not come about in time.
public struct Overdue: Error, CustomStringConvertible {
  public var description: String

  public init(description: String) { self.description = description }
}

/// Looks again and again until there is a result, by default for at most a minute.
/// - Parameter meanwhile: called between two looks; by default a pause of a millisecond.
@discardableResult
public func waitFor<Result>(
  _ what: String, within time: Interval = .seconds(60),
  meanwhile: () throws -> Void = { Thread.sleep(forTimeInterval: 0.001) },
  _ look: () throws -> Result?
) throws -> Result {
  let limit = ContinuousClock.now + .nanoseconds(time.nanoseconds)
  while true {
    if let found = try look() { return found }
    guard ContinuousClock.now < limit else {
      throw Overdue(description: "\(what): not seen within \(time)")
    }
    try meanwhile()
  }
}

/// Looks again and again until a condition holds, by default for at most a minute.
/// - Returns: whether it held in time.
@discardableResult
public func eventually(
  within time: Interval = .seconds(60),
  meanwhile: () -> Void = { Thread.sleep(forTimeInterval: 0.001) }, _ holds: () throws -> Bool
) rethrows -> Bool {
  let limit = ContinuousClock.now + .nanoseconds(time.nanoseconds)
  while true {
    if try holds() { return true }
    guard ContinuousClock.now < limit else { return false }
    meanwhile()
  }
}
