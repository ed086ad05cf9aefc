// A run with a piece of work that traps, for tests, like the code of a broken protocol. The first
// argument selects the kind of trap, the second the number of pieces that run at a time.

import Foundation
import Runner

let how = CommandLine.arguments.dropFirst().first ?? ""
let jobs = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 1

/// Each call adds to the next one's result, so no call can reuse another's stack frame.
@inline(never) func fill(_ depth: Int) -> Int {
  withUnsafeTemporaryAllocation(of: Int.self, capacity: 1_000) { room in
    room[0] = depth
    return fill(depth + 1) &+ room[0]
  }
}

ParallelRun.run(count: 8, jobs: jobs, stop: { false }) { piece in
  CrashNotice.during("crashed in piece \(piece)") {
    guard piece == 5 else { return }
    switch how {
    case "trap": preconditionFailure("a rule is broken")
    case "overflow": print(fill(0))
    case "abort": abort()
    default: break
    }
  }
}
