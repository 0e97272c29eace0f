"""The command `hubspot-emulator`, also as `python -m hubspot_emulator`."""

import typer

from hubspot_emulator.command import EPILOG, hubspot

main = typer.Typer(add_completion=False)
main.command(epilog=EPILOG)(hubspot)

if __name__ == "__main__":
    main()
