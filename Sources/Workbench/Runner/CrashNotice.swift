import CLinux

/// Prints what a thread was doing when it trapped: a core's assertion ends the whole process, and a
/// backtrace names a line of code but neither the protocol nor the seed.
package enum CrashNotice {
  private static let isWatching: Void = linux_watch_crashes()

  /// Does the work. If this thread crashes in it, the process writes the line to standard error
  /// before it ends.
  package static func during<Value, Failure: Error>(
    _ line: String, _ work: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    _ = isWatching
    linux_set_crash_notice(line + "\n")
    defer { linux_set_crash_notice(nil) }
    return try work()
  }
}
