import Foundation

/// Why a run's directory cannot be used. Each description is one sentence for the person at the
/// terminal; the directory is unchanged unless writing failed half-way.
package enum RunDirectoryError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A finished run is there.
  case finished(path: String)
  /// An interrupted run is there.
  case unfinished(path: String)
  /// Another process runs in it.
  case inUse(path: String)
  /// The run is to be resumed, but the directory holds no interrupted run.
  case nothingToResume(path: String)
  /// The run is to be resumed, but was begun with different inputs, which `what` names.
  case different(path: String, what: String)
  case notADirectory(path: String)
  /// A directory to be compared has no results.
  case noResults(path: String)
  /// A directory to be merged holds no shard.
  case notAShard(path: String)
  /// A directory to be merged belongs to another run than the others.
  case notOfOneRun(path: String, other: String, what: String)
  case shardTwice(shard: String, path: String, other: String)
  case trialTwice(trial: String, path: String, other: String)
  case shardsMissing([Int], count: Int)
  case shardUnfinished(path: String, trial: String)
  /// The directory holds files, but no run.
  case foreign(path: String)
  case cannotCreate(path: String, reason: String)
  case cannotWrite(path: String, reason: String)
  case cannotRead(path: String, reason: String)
  case diskFull(path: String)

  package var description: String {
    switch self {
    case .finished(let path):
      "\(path) holds a finished run; use --force to overwrite it, or another --out or --seed"
    case .unfinished(let path):
      "\(path) holds an unfinished run; use --resume to continue it or --force to start again"
    case .inUse(let path): "\(path) is in use by another process"
    case .nothingToResume(let path): "there is no unfinished run to resume in \(path)"
    case .different(let path, let what):
      "cannot resume \(path): it was begun with \(what); use --force to start again"
    case .notADirectory(let path): "\(path) exists and is not a directory"
    case .noResults(let path):
      "\(path) holds no results: give the directory of a finished run, such as results/quickstart-1"
    case .notAShard(let path):
      "\(path) holds no shard of a run: give the directories that 'run --shard' wrote"
    case .notOfOneRun(let path, let other, let what):
      "\(path) does not belong to \(other): it was run with \(what)"
    case .shardTwice(let shard, let path, let other):
      "\(path) and \(other) are both shard \(shard): give each shard once"
    case .trialTwice(let trial, let path, let other):
      "\(path) and \(other) overlap: both hold \(trial)"
    case .shardsMissing(let numbers, let count):
      (numbers.count == 1
        ? "shard \(numbers[0]) of \(count) is missing"
        : "shards \(numbers.map(String.init).joined(separator: ", ")) of \(count) are missing")
        + ": give all of them"
    case .shardUnfinished(let path, let trial):
      "\(path) is not finished: \(trial), is missing; run it again with --resume"
    case .foreign(let path):
      "\(path) holds files but no run; choose another --out, or empty it first"
    case .cannotCreate(let path, let reason): "cannot create the directory \(path): \(reason)"
    case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
    case .cannotRead(let path, let reason): "cannot read \(path): \(reason)"
    case .diskFull(let path): "cannot write \(path): the disk is full"
    }
  }

  /// The error for an error number of the system.
  static func writing(_ path: String, errno code: Int32) -> RunDirectoryError {
    code == ENOSPC || code == EDQUOT
      ? .diskFull(path: path) : .cannotWrite(path: path, reason: reason(code))
  }

  static func creating(_ path: String, errno code: Int32) -> RunDirectoryError {
    switch code {
    case ENOSPC, EDQUOT: .diskFull(path: path)
    case ENOTDIR: .notADirectory(path: path)
    default: .cannotCreate(path: path, reason: reason(code))
    }
  }

  static func reason(_ code: Int32) -> String {
    switch code {
    case EACCES, EPERM: "permission denied"
    case EROFS: "the file system is read-only"
    case ENOENT: "no such file or directory"
    case ENAMETOOLONG: "the name is too long"
    default: String(cString: strerror(code))
    }
  }
}
