// The code of a trial is larger than the processor's first cache, so a trial waits for code as well
// as for data. A branch that is marked here is laid out apart from the code that always runs, which
// then takes fewer lines of that cache. The result is the same in either case.

/// A condition that hardly ever holds.
@inline(__always)
public func rarely(_ condition: Bool) -> Bool { _slowPath(condition) }

/// A condition that nearly always holds.
@inline(__always)
public func usually(_ condition: Bool) -> Bool { _fastPath(condition) }
