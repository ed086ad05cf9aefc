import Foundation

exit(await Entry.start(Array(CommandLine.arguments.dropFirst())).rawValue)
