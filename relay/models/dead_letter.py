from .delivery import Delivery


class DeadLetter(Delivery):
    """What was given up, as a list of its own: somebody decides of each whether it is still to be sent."""

    class Meta:
        proxy = True
