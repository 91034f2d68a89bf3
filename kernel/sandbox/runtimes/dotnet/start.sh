#!/bin/sh
# Begins a .NET function: an executable assembly or program by itself, a class library under our bootstrap.
#
# Arguments: the program `dotnet`, our bootstrap. The ends and their texts are those of AWS's own script.
task=$LAMBDA_TASK_ROOT

fail() {
  echo "Error: $2" >&2
  exit "$1"
}

# The file of the assembly with this ending, or the only one that there is.
only() {
  if [ -f "$task/$assembly.$1" ]; then
    echo "$task/$assembly.$1"
    return 0
  fi
  set -- "$task"/*."$1"
  [ "$#" -eq 1 ] && [ -f "$1" ] && echo "$1"
}

missing() {
  fail "$1" ".NET binaries for Lambda function are not correctly installed in the $task directory of the image when the image was built. The $task directory is missing the required $2 file."
}

case $_HANDLER in
  "") fail 103 "No Lambda Handler function was specified." ;;
  *:*)
    assembly=${LAMBDA_DOTNET_MAIN_ASSEMBLY:-${_HANDLER%%:*}}
    assembly=${assembly%.dll}
    deps=$(only deps.json) || missing 105 .deps.json
    config=$(only runtimeconfig.json) || missing 106 .runtimeconfig.json
    exec "$1" exec --depsfile "$deps" --runtimeconfig "$config" "$2" "$_HANDLER"
    ;;
  *)
    assembly=$task/${_HANDLER%.dll}.dll
    if [ -f "$assembly" ]; then
      exec "$1" exec "$assembly"
    elif [ -f "$task/$_HANDLER" ]; then
      exec "$task/$_HANDLER"
    fi
    fail 104 "executable assembly $assembly or binary $task/$_HANDLER not found."
    ;;
esac
